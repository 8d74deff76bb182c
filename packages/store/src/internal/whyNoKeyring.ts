/** What a failure of the keyring's library means, and what there is to do about it. It has no codes, only sentences. */

export const whyNoKeyring = (said: string): string =>
  sentences.find(([sentence]) => sentence.test(said))?.[1] ??
  "the keyring has failed: see whether another program can use it, or give the key in another way"

const locked = "the keyring is locked: unlock it, then try again"
const noBus =
  "there is no session bus (D-Bus): sign in to a desktop session, set DBUS_SESSION_BUS_ADDRESS, or give the key in another way"

/** Of @napi-rs/keyring 2.1, which says what dbus-secret-service and libdbus say. */
const sentences: ReadonlyArray<readonly [sentence: RegExp, meaning: string]> = [
  [/unlock prompt was dismissed/, locked],
  [/object locked/, locked],
  [/autolaunch was disabled/, noBus],
  [/Failed to connect to socket/, noBus],
  [/No DBus session or Secret Service provider found/, noBus],
  [
    /was not provided by any \.service files/,
    "nobody on the session bus keeps secrets: start a Secret Service such as gnome-keyring, or give the key in another way"
  ],
  [
    /no result found/,
    "the keyring has no default collection: sign in to a desktop session once, or make one"
  ],
  [/No matching entry found/, "the keyring has lost the key while it was asked: try again"]
]
