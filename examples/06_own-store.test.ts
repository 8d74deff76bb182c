import { SessionStore } from "@latchkey/core"
import { SessionStoreContract } from "@latchkey/testing"

SessionStoreContract.suite("my store", SessionStore.layerMemory, { lacks: ["durability"] })
