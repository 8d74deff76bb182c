/** What a key is made of, which only those who sign and verify are told. */
import type { CryptoKey } from "jose"
import type { Algorithm } from "../JwtKey.ts"

/** Shows its algorithm and its name to whoever prints it, and nothing else. */
export class Key {
  readonly algorithm: Algorithm
  readonly id: string | undefined
  readonly canSign: boolean
  readonly canVerify: boolean
  readonly #material: CryptoKey

  constructor(algorithm: Algorithm, id: string | undefined, material: CryptoKey) {
    this.algorithm = algorithm
    this.id = id
    this.canSign = material.usages.includes("sign")
    this.canVerify = material.usages.includes("verify")
    this.#material = material
  }

  static readonly material = (key: Key): CryptoKey => key.#material
}
