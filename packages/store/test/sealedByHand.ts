/**
 * The sealed format of `docs/security.md`, written a second time from its description: only `node:crypto`, nothing of ours.
 * OpenSSL has ChaCha20-Poly1305; what makes it XChaCha20-Poly1305 is one block of HChaCha20.
 */
import * as crypto from "node:crypto"

const { createCipheriv, createDecipheriv, createHash } = crypto

/** Below Node 24.7 there is none, whatever its types say. */
export const hasArgon2id = "argon2Sync" in crypto

/** draft-irtf-cfrg-xchacha-03, section 2.2. */
export const hChaCha20 = (key: Buffer, nonce: Buffer): Buffer => {
  const x = new Uint32Array(16)
  for (const [n, word] of [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574].entries()) x[n] = word
  for (let n = 0; n < 8; n++) x[4 + n] = key.readUInt32LE(4 * n)
  for (let n = 0; n < 4; n++) x[12 + n] = nonce.readUInt32LE(4 * n)
  const at = (n: number) => x[n] ?? 0
  const step = (a: number, b: number, c: number, by: number) => {
    x[a] = at(a) + at(b)
    const mixed = at(c) ^ at(a)
    x[c] = (mixed << by) | (mixed >>> (32 - by))
  }
  const quarter = (a: number, b: number, c: number, d: number) => {
    step(a, b, d, 16)
    step(c, d, b, 12)
    step(a, b, d, 8)
    step(c, d, b, 7)
  }
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 4; n++) quarter(n, 4 + n, 8 + n, 12 + n)
    for (let n = 0; n < 4; n++) quarter(n, 4 + ((n + 1) % 4), 8 + ((n + 2) % 4), 12 + ((n + 3) % 4))
  }
  const out = Buffer.alloc(32)
  for (let n = 0; n < 4; n++) {
    out.writeUInt32LE(at(n), 4 * n)
    out.writeUInt32LE(at(12 + n), 16 + 4 * n)
  }
  return out
}

export const idOf = (key: Buffer): Buffer =>
  createHash("sha256").update("latchkey sealing key").update(key).digest().subarray(0, 8)

export interface Visible {
  readonly provider: string
  readonly instance: string
  readonly account: string
  readonly issuedAt: number
  readonly expiresAt?: number
  readonly endsAt?: number
}

const aadOf = (head: Buffer, { account, endsAt, expiresAt, instance, issuedAt, provider }: Visible): Buffer =>
  Buffer.concat([
    head,
    Buffer.from(JSON.stringify([provider, instance, account, issuedAt, expiresAt ?? null, endsAt ?? null]))
  ])

const check = (version: Buffer, body: Buffer): Buffer =>
  createHash("sha256").update(version).update(body).digest().subarray(0, 8)

const innerNonce = (nonce: Buffer): Buffer => Buffer.concat([Buffer.alloc(4), nonce.subarray(16)])

/** As a text of these bytes would be: with a good check. */
export const textOf = (version: number, body: Buffer): string => {
  const first = Buffer.from([version])
  const bytes = Buffer.concat([first, check(first, body), body])
  return `latchkey.${bytes.toString("base64url")}.sealed`
}

export const bodyOf = (text: string): Buffer => {
  const inner = /^latchkey\.([\w-]+)\.sealed$/.exec(text)?.[1] ?? ""
  const bytes = Buffer.from(inner, "base64url")
  const body = bytes.subarray(9)
  if (!check(bytes.subarray(0, 1), body).equals(bytes.subarray(1, 9))) throw new Error("the check is wrong")
  return body
}

/** The line that was sealed. The key: 32 bytes, or a passphrase. */
export const openByHand = (text: string, key: Buffer | string, visible: Visible): string => {
  const body = bodyOf(text)
  const isPassphrase = body[8] === 1
  const headEnd = isPassphrase ? 37 : 9
  const used =
    typeof key === "string"
      ? crypto.argon2Sync("argon2id", {
          message: key.normalize("NFC"),
          memory: body.readUInt32BE(9),
          passes: body.readUInt32BE(13),
          parallelism: body.readUInt32BE(17),
          nonce: body.subarray(21, 37),
          tagLength: 32
        })
      : key
  if (!idOf(used).equals(body.subarray(0, 8))) throw new Error("another key")
  const head = Buffer.concat([Buffer.from([1]), body.subarray(0, headEnd)])
  const nonce = body.subarray(headEnd, headEnd + 24)
  const cipher = createDecipheriv("chacha20-poly1305", hChaCha20(used, nonce), innerNonce(nonce), {
    authTagLength: 16
  })
  cipher.setAAD(aadOf(head, visible), { plaintextLength: body.length - headEnd - 40 })
  cipher.setAuthTag(body.subarray(-16))
  return Buffer.concat([cipher.update(body.subarray(headEnd + 24, -16)), cipher.final()]).toString("utf8")
}

export const sealByHand = (line: string, key: Buffer, nonce: Buffer, visible: Visible): string => {
  const own = Buffer.concat([idOf(key), Buffer.from([0])])
  const cipher = createCipheriv("chacha20-poly1305", hChaCha20(key, nonce), innerNonce(nonce), {
    authTagLength: 16
  })
  cipher.setAAD(aadOf(Buffer.concat([Buffer.from([1]), own]), visible), { plaintextLength: line.length })
  const ciphertext = Buffer.concat([cipher.update(Buffer.from(line)), cipher.final(), cipher.getAuthTag()])
  return textOf(1, Buffer.concat([own, nonce, ciphertext]))
}
