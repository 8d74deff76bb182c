/** A session in memory, from a provider whose renewal takes `latency`. */
import { SessionRef, SessionStore } from "@latchkey/core"
import * as TestProvider from "@latchkey/testing/TestProvider"
import { Context, type Duration, Effect, Exit, Layer, Scope } from "effect"

export const liveSession = async (latency: Duration.Input = 0) => {
  const base = TestProvider.make()
  const provider: TestProvider.TestProvider = {
    ...base,
    refresh: (session) => Effect.andThen(Effect.sleep(latency), base.refresh(session))
  }
  const scope = Scope.makeUnsafe()
  const make = Effect.gen(function* () {
    return yield* SessionRef.make(provider, yield* provider.login)
  })
  const store = await Effect.runPromise(Layer.buildWithScope(SessionStore.layerMemory, scope))
  const ref = await Effect.runPromise(Effect.provideContext(make, Context.add(store, Scope.Scope, scope)))
  return { provider, ref, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
