/**
 * One renewal of one session, as every process does it, as a function without time and without effects:
 * a state and what happened give the next state and what to do.
 *
 * Lease, re-read, mark that the token goes out, renew, write with the fencing token, release. Each state waits for the one
 * event that its action brings about; a process may die, or sleep past its lease, in every one of them. `guards` are the
 * questions on which the promises hang: `RenewalProtocol.test.ts` walks through all that several processes can do, and shows
 * for each guard what breaks without it.
 */
import type { Mark, Version } from "../SessionStore.ts"

export interface Terms {
  /** The version that is due. */
  readonly due: Version
  /** Whether a renewal spends the token that it is made with. */
  readonly rotates: boolean
  /** Whether the service forgives it when the token that it has just spent comes back once. */
  readonly forgives: boolean
}

/** What one attempt leaves to the next in the same process. */
export interface Memory<S> {
  /** Won and not saved. It must not be handed out, and must not get lost. */
  readonly unsaved?: Unsaved<S> | undefined
  /** Our own mark, and it could not be taken back: the token was not spent under it. */
  readonly harmless?: Mark | undefined
  /** A mark whose holder had its chance to come back. */
  readonly doubted?: Mark | undefined
}

export interface Unsaved<S> {
  readonly session: S
  readonly over: Version
}

export interface Grant {
  readonly fence: number
  readonly marked: Mark | undefined
}

export interface Found<S> {
  readonly version: Version
  readonly session: S
  /** Past its `endsAt`. */
  readonly isOver: boolean
}

/** `S`: a session, `V`: a verdict on it, `F`: any other failure. */
export type Outcome<S, V, F> =
  | { readonly _tag: "Renewed"; readonly version: Version; readonly session: S }
  /** Somebody else has written: another process that renewed, or a new login. */
  | { readonly _tag: "Found"; readonly version: Version; readonly session: S }
  /** Logged out, here or elsewhere. */
  | { readonly _tag: "Gone" }
  /** `verdict`: missing where the session came to its own end. `removed`: whether the store could be made to forget it. */
  | { readonly _tag: "Ended"; readonly verdict: V | undefined; readonly removed: boolean }
  /** The token may be spent, and nobody has the answer. */
  | { readonly _tag: "Uncertain"; readonly failure: F | undefined }
  | { readonly _tag: "Failed"; readonly failure: F }

type Goal<S, V, F> =
  | { readonly at: "Leasing" }
  /** Somebody else holds the lease: perhaps they are through already. */
  | { readonly at: "Peeking" }
  | { readonly at: "Waiting" }
  | { readonly at: "Reading"; readonly lease: Grant }
  | { readonly at: "Marking"; readonly sending: Sending<S> }
  | { readonly at: "Asking"; readonly sending: Sending<S> }
  | { readonly at: "Saving"; readonly won: S }
  /** The write was refused. */
  | { readonly at: "Looking"; readonly unwritten: { readonly won: S } | { readonly verdict: V | undefined } }
  | { readonly at: "Unmarking"; readonly mark: Mark; readonly failure: F }
  | { readonly at: "Removing"; readonly session: S; readonly verdict: V | undefined }
  | { readonly at: "Revoking"; readonly outcome: Outcome<S, V, F> }
  | { readonly at: "Releasing"; readonly finding: Outcome<S, V, F> | Doubt<F> }
  /** After a lost answer, or beside the mark of a holder who may come back. */
  | { readonly at: "Doubting"; readonly doubt: Doubt<F> }
  | { readonly at: "Done"; readonly outcome: Outcome<S, V, F> }

interface Sending<S> {
  readonly lease: Grant
  readonly mark: Mark
  readonly session: S
  /** Its first answer was lost. */
  readonly isRepeated: boolean
}

interface Doubt<F> {
  readonly _tag: "Doubt"
  readonly mark: Mark
  /** Missing where another process has lost the answer. */
  readonly failure: F | undefined
}

export type State<S, V, F> = Goal<S, V, F> & { readonly terms: Terms; readonly memory: Memory<S> }

export type Action<S> =
  | { readonly _tag: "Lease" }
  | { readonly _tag: "Wait" }
  /** `patient`: again and again, until the entry has changed or the holder who left a mark had time to come back. */
  | { readonly _tag: "Read"; readonly patient: boolean }
  | { readonly _tag: "Mark"; readonly mark: Mark | undefined }
  | { readonly _tag: "Refresh"; readonly session: S }
  | { readonly _tag: "Put"; readonly session: S; readonly expected: Version; readonly fence: number }
  | { readonly _tag: "Remove"; readonly expected: Version }
  | { readonly _tag: "Revoke"; readonly session: S }
  | { readonly _tag: "Release" }

export type Event<S, V, F> =
  | { readonly _tag: "Leased"; readonly lease: Grant }
  | { readonly _tag: "Busy" }
  /** Waited, marked, removed, revoked, released: also where a revocation or a release has failed. */
  | { readonly _tag: "Done" }
  | { readonly _tag: "Read"; readonly entry: Found<S> | undefined }
  | { readonly _tag: "Saved"; readonly version: Version }
  /** The store has refused: the entry has changed, or the lease is somebody else's. */
  | { readonly _tag: "Conflict" }
  | { readonly _tag: "Answered"; readonly session: S }
  | { readonly _tag: "Judged"; readonly verdict: V }
  /** The service has not renewed it, and says so; or the store has failed. */
  | { readonly _tag: "Failed"; readonly failure: F }
  /** The request went out, and whether it was heard is not known. */
  | { readonly _tag: "Lost"; readonly failure: F }

/** At most one action: each waits for the event of the one before. */
export interface Turn<S, V, F> {
  readonly state: State<S, V, F>
  readonly actions: readonly [] | readonly [Action<S>]
}

/** One for each lease, so that nobody takes another's mark for its own. */
const markOf = ({ fence }: Grant, version: Version): Mark => `${fence} ${version}`

const versionIn = (mark: Mark): Version => mark.slice(mark.indexOf(" ") + 1)

export const guards = {
  /** Somebody has written since this renewal became due. */
  isNews: ({ due }: Terms, version: Version): boolean => version !== due,
  /** It was renewed before, and only the write is missing. */
  isWon: ({ unsaved }: Memory<unknown>, version: Version): boolean => unsaved?.over === version,
  /** However often it is renewed, the session ends now. */
  isOver: ({ isOver }: Found<unknown>): boolean => isOver,
  /** An earlier holder has sent this token, and has not said how that ended. */
  isMarked: ({ harmless }: Memory<unknown>, { marked }: Grant, version: Version): boolean =>
    marked !== undefined && marked !== harmless && versionIn(marked) === version,
  /** By whoever has lost the answer, at once and no more. Not by whoever comes after: the one before may still be about to send it. */
  isForgiven: ({ forgives }: Terms, isRepeated: boolean): boolean => forgives && !isRepeated,
  /** Whoever comes after must be told before the token goes out. */
  mustMark: ({ rotates }: Terms): boolean => rotates,
  /** A lost answer may have held the only good token. */
  leavesDoubt: ({ rotates }: Terms): boolean => rotates,
  /** What nobody but us knows of must not stay good behind the back of a user who has logged out. */
  isOrphan: (won: unknown): boolean => won !== undefined
}

export type Guards = typeof guards

export const begin = <S, V, F>(terms: Terms, memory: Memory<S>): Turn<S, V, F> => ({
  state: { at: "Leasing", terms, memory },
  actions: [{ _tag: "Lease" }]
})

/** The protocol with these guards. Throws for an event that the state does not wait for: a mistake in the engine. */
export const protocol =
  (ask: Guards) =>
  <S, V, F>(state: State<S, V, F>, event: Event<S, V, F>): Turn<S, V, F> => {
    type Next = Turn<S, V, F>
    const { memory, terms } = state

    const go = (goal: Goal<S, V, F>, action?: Action<S>, remember: Partial<Memory<S>> = {}): Next => ({
      state: { ...goal, terms, memory: { ...memory, ...remember } },
      actions: action === undefined ? [] : [action]
    })
    const done = (outcome: Outcome<S, V, F>): Next => go({ at: "Done", outcome })
    const lease = (): Next => go({ at: "Leasing" }, { _tag: "Lease" })
    const wait = (): Next => go({ at: "Waiting" }, { _tag: "Wait" })
    const release = (finding: Outcome<S, V, F> | Doubt<F>, remember?: Partial<Memory<S>>): Next =>
      go({ at: "Releasing", finding }, { _tag: "Release" }, remember)
    const failed = (failure: F, remember?: Partial<Memory<S>>): Next =>
      release({ _tag: "Failed", failure }, remember)
    const found = ({ session, version }: Found<S>) => ({ _tag: "Found", session, version }) as const
    const revoke = (session: S, outcome: Outcome<S, V, F>): Next =>
      go({ at: "Revoking", outcome }, { _tag: "Revoke", session })
    const gone = (won: S | undefined): Next =>
      won !== undefined && ask.isOrphan(won) ? revoke(won, { _tag: "Gone" }) : release({ _tag: "Gone" })
    const mark = (sending: Sending<S>): Next =>
      go({ at: "Marking", sending }, { _tag: "Mark", mark: sending.mark })
    const send = (sending: Sending<S>): Next =>
      go({ at: "Asking", sending }, { _tag: "Refresh", session: sending.session })
    const remove = (session: S, verdict?: V): Next =>
      go({ at: "Removing", session, verdict }, { _tag: "Remove", expected: terms.due })
    const save = ({ fence }: Grant, won: S): Next =>
      go(
        { at: "Saving", won },
        { _tag: "Put", session: won, expected: terms.due, fence },
        { unsaved: { session: won, over: terms.due } }
      )
    const look = (unwritten: { readonly won: S } | { readonly verdict: V | undefined }): Next =>
      go({ at: "Looking", unwritten }, { _tag: "Read", patient: false })

    /** The lease is ours, and this is what it is about. */
    const decide = (grant: Grant, entry: Found<S> | undefined): Next => {
      if (entry === undefined) return gone(memory.unsaved?.session)
      if (ask.isNews(terms, entry.version)) return release(found(entry))
      const won = ask.isWon(memory, entry.version) ? memory.unsaved?.session : undefined
      if (ask.isOver(entry)) return remove(won ?? entry.session)
      if (won !== undefined) return save(grant, won)
      const { marked } = grant
      if (marked !== undefined && ask.isMarked(memory, grant, entry.version)) {
        return release({ _tag: "Doubt", mark: marked, failure: undefined })
      }
      const own = markOf(grant, entry.version)
      const sending: Sending<S> = { lease: grant, mark: own, session: entry.session, isRepeated: false }
      return ask.mustMark(terms) ? mark(sending) : send(sending)
    }

    const step = (): Next | undefined => {
      switch (state.at) {
        case "Leasing":
          if (event._tag === "Leased") {
            return go({ at: "Reading", lease: event.lease }, { _tag: "Read", patient: false })
          }
          if (event._tag === "Busy") return go({ at: "Peeking" }, { _tag: "Read", patient: false })
          return event._tag === "Failed" ? done(event) : undefined
        case "Peeking":
          if (event._tag === "Failed") return done(event)
          if (event._tag !== "Read") return undefined
          if (event.entry === undefined) return gone(memory.unsaved?.session)
          return ask.isNews(terms, event.entry.version) ? done(found(event.entry)) : wait()
        case "Waiting":
          if (event._tag === "Failed") return done(event)
          return event._tag === "Done" ? lease() : undefined
        case "Reading":
          if (event._tag === "Failed") return failed(event.failure)
          return event._tag === "Read" ? decide(state.lease, event.entry) : undefined
        case "Marking":
          if (event._tag === "Done") return send(state.sending)
          // Nothing was sent: somebody else has the lease.
          if (event._tag === "Conflict") return wait()
          return event._tag === "Failed" ? failed(event.failure, { harmless: state.sending.mark }) : undefined
        case "Asking": {
          const { lease: grant, mark: own, session } = state.sending
          switch (event._tag) {
            case "Answered":
              return save(grant, event.session)
            case "Judged":
              return remove(session, event.verdict)
            case "Failed":
              // Of the answer that was lost before it says nothing.
              if (state.sending.isRepeated) {
                return release({ _tag: "Doubt", mark: own, failure: event.failure })
              }
              return ask.mustMark(terms)
                ? go(
                    { at: "Unmarking", mark: own, failure: event.failure },
                    { _tag: "Mark", mark: undefined }
                  )
                : failed(event.failure)
            case "Lost":
              if (!ask.leavesDoubt(terms)) return failed(event.failure)
              return ask.isForgiven(terms, state.sending.isRepeated)
                ? send({ ...state.sending, isRepeated: true })
                : release({ _tag: "Doubt", mark: own, failure: event.failure })
            default:
              return undefined
          }
        }
        case "Saving":
          if (event._tag === "Saved") {
            return release(
              { _tag: "Renewed", version: event.version, session: state.won },
              { unsaved: undefined }
            )
          }
          if (event._tag === "Conflict") return look({ won: state.won })
          return event._tag === "Failed" ? failed(event.failure) : undefined
        case "Looking": {
          const { unwritten } = state
          if (event._tag === "Failed") {
            return "won" in unwritten
              ? failed(event.failure)
              : release({ _tag: "Ended", verdict: unwritten.verdict, removed: false })
          }
          if (event._tag !== "Read") return undefined
          if (event.entry === undefined) return gone(memory.unsaved?.session)
          if (ask.isNews(terms, event.entry.version)) return release(found(event.entry))
          // Only the lease was lost, and what was won is the only copy.
          return "won" in unwritten
            ? wait()
            : release({ _tag: "Ended", verdict: unwritten.verdict, removed: false })
        }
        case "Unmarking":
          if (event._tag === "Done") return failed(state.failure)
          return event._tag === "Conflict" || event._tag === "Failed"
            ? failed(state.failure, { harmless: state.mark })
            : undefined
        case "Removing": {
          const { session, verdict } = state
          if (event._tag === "Conflict") return look({ verdict })
          if (event._tag !== "Done" && event._tag !== "Failed") return undefined
          const ended = { _tag: "Ended", verdict, removed: event._tag === "Done" } as const
          // The service has ended what it has judged; of our own policy it knows nothing.
          return verdict === undefined ? revoke(session, ended) : release(ended)
        }
        case "Revoking":
          return event._tag === "Done" ? release(state.outcome, { unsaved: undefined }) : undefined
        case "Releasing": {
          if (event._tag !== "Done") return undefined
          const { finding } = state
          if (finding._tag !== "Doubt") return done(finding)
          const patient = finding.failure === undefined && finding.mark !== memory.doubted
          return go({ at: "Doubting", doubt: finding }, { _tag: "Read", patient }, { doubted: finding.mark })
        }
        case "Doubting": {
          const uncertain = { _tag: "Uncertain", failure: state.doubt.failure } as const
          if (event._tag === "Failed") return done(uncertain.failure === undefined ? event : uncertain)
          if (event._tag !== "Read") return undefined
          if (event.entry === undefined) return done({ _tag: "Gone" })
          return done(ask.isNews(terms, event.entry.version) ? found(event.entry) : uncertain)
        }
        case "Done":
          return undefined
      }
    }

    const turn = step()
    if (turn === undefined) throw new Error(`a renewal that is ${state.at} does not expect ${event._tag}`)
    return turn
  }
