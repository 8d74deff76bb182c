import { SessionStore } from "@latchkey/core/SessionStore"
import { SessionStoreContract } from "@latchkey/testing"

SessionStoreContract.suite("SessionStore.layerMemory", SessionStore.layerMemory, { lacks: ["durability"] })
