/** What all sessions of a program share: found once, not for each of them. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import { Random } from "effect/Random"
import * as Scope from "effect/Scope"
import { SessionStore } from "../SessionStore.ts"

export class Surroundings {
  readonly context: Context.Context<SessionStore | Scope.Scope>
  readonly clock: Clock.Clock
  readonly random: (typeof Random)["Service"]
  readonly store: SessionStore["Service"]
  readonly scope: Scope.Scope

  constructor(context: Context.Context<SessionStore | Scope.Scope>) {
    this.context = context
    this.clock = Context.get(context, Clock.Clock)
    this.random = Context.get(context, Random)
    this.store = Context.get(context, SessionStore)
    this.scope = Context.get(context, Scope.Scope)
  }
}
