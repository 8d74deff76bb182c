/** Whether what was given for a shared secret is a key of another kind: one that is public, or belongs to another algorithm. */

/** PEM, a certificate, an SSH key, a JWK. */
const TEXT = /-----BEGIN |^\s*(?:ssh-|ecdsa-sha2-)|^\s*\{[\s\S]*"kty"/

/** DER in hex: what RSA, elliptic curves and Ed25519 are called there, and the beginning of an RSA key without a name. */
const DER = /2a864886f70d0101|2a8648ce3d0201|300506032b6570|^3082.{4}(?:020100)?0282.{4}00/

/** PEM that has lost its first and last line is DER in base64. */
export const looksAsymmetric = (bytes: Buffer): boolean => {
  const text = bytes.toString("latin1")
  return TEXT.test(text) || [bytes, Buffer.from(text, "base64")].some((it) => DER.test(it.toString("hex")))
}
