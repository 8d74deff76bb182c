import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import { find } from "../src/internal/loginPath.ts"

const described = (paths: unknown) => ({ openapi: "3.1.0", paths })

const login = { summary: "login" }

const PLAIN = [
  "/login",
  "/a;b/..c;d",
  "/auth/token",
  "/a/b/c.d",
  "/login/",
  "/a..b",
  "/...",
  "/~x:y@z",
  "/A-1_2"
]

const LEADING_AWAY = [
  "",
  "/",
  "login",
  "//host/login",
  "/a//b",
  "/\\host",
  "http://host/login",
  "/..",
  "/../login",
  "/a/../../b",
  "/a/..",
  "/./a",
  "/.;/x",
  "/..;/..;/x",
  "/a/..;x=1/b",
  "/%2e%2e/a",
  "/%2F/a",
  "/a?b",
  "/a#b",
  "/{tenant}/login",
  "/a b",
  "/a\n",
  "/ä",
  ` /login`,
  `/${"x".repeat(1000)}`
]

describe("the path to sign in under", () => {
  it("store-33: is that of the operation whose summary is login", () => {
    for (const path of PLAIN) {
      const document = described({
        "/login": { get: { summary: "Login" }, post: { summary: "login page" } },
        "/other": { parameters: [], post: {}, put: null, description: "login", summary: "login" },
        "/nothing": null,
        [path]: { get: { summary: "info" }, post: { ...login, tags: ["auth"] } }
      })
      assert.deepStrictEqual(find(document), { _tag: "Found", path })
    }
  })

  it("store-33: is the first of them, and one that can be posted to", () => {
    const twice = described({ "/form": { get: login }, "/b": { post: login }, "/a": { post: login } })
    assert.deepStrictEqual(find(twice), { _tag: "Found", path: "/b" })
    for (const method of ["get", "put", "delete", "POST"]) {
      assert.deepStrictEqual(find(described({ "/a": { [method]: login } })), { _tag: "Unsound" })
    }
  })

  it("is missing where there is none", () => {
    for (const paths of [{}, { "/login": { post: { summary: "Login" } } }, { "/login": { post: "login" } }]) {
      assert.deepStrictEqual(find(described(paths)), { _tag: "Missing" })
    }
  })

  it("is not taken from what is no description", () => {
    for (const document of [undefined, null, 7, "login", {}, { paths: null }, { paths: "/login" }]) {
      assert.deepStrictEqual(find(document), { _tag: "Unsound" })
    }
  })

  it("store-38: leads nowhere else", () => {
    for (const path of LEADING_AWAY) {
      assert.deepStrictEqual(find(described({ [path]: { post: login } })), { _tag: "Unsound" }, path)
    }
  })

  it.prop("store-38: of any text, leads below the API or is refused", [Schema.String], ([text]) => {
    for (const path of [text, `/${text}`, `/login/${text}`, `/login${text}`]) {
      const found = find(described({ [path]: { post: login } }))
      if (found._tag !== "Found") {
        assert.strictEqual(found._tag, "Unsound")
        continue
      }
      const url = new URL(`http://host:39000/lab/api/cmd${found.path}`)
      assert.strictEqual(url.href, `http://host:39000/lab/api/cmd${path}`)
    }
  })

  it.prop("any JSON is searched", [Schema.Json], ([json]) => {
    assert.notStrictEqual(find(json)._tag, "Found")
    assert.strictEqual(find(described({ "/x": json, "/login": { post: login } }))._tag, "Found")
  })
})
