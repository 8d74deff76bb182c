/** A session in memory, from a provider whose renewal takes `latency`. Lives as long as the process. */
import { SessionRef, SessionStore } from "@latchkey/core"
import * as TestProvider from "@latchkey/testing/TestProvider"
import { Context, Effect, Exit, Layer, Scope } from "effect"

export const liveSession = async (options: TestProvider.Options = {}) => {
  const provider = TestProvider.make(options)
  const scope = Scope.makeUnsafe()
  const make = Effect.gen(function* () {
    return yield* SessionRef.make(provider, yield* provider.login)
  })
  const store = await Effect.runPromise(Layer.buildWithScope(SessionStore.layerMemory, scope))
  const ref = await Effect.runPromise(Effect.provideContext(make, Context.add(store, Scope.Scope, scope)))
  return { provider, ref, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
