/** The organizations that a simulated service begins with, by the ids of the contract's checklist. */
import { empty, type HttpResponse, json, text } from "@latchkey/testing/HttpHandler"

export interface WireRole {
  readonly org_id: string
  readonly rol_id: string
  readonly name: string
  readonly permissions: ReadonlyArray<Readonly<Record<string, string>>> | null
}

export type GivenRole = Omit<WireRole, "org_id">

/** By organization. */
export const roles: Readonly<Record<string, ReadonlyArray<GivenRole>>> = {
  org_main: [
    {
      rol_id: "rol_adm_0000000000000001",
      name: "admin",
      permissions: [{ users: "manage" }, { docs: "write" }, { billing: "read" }]
    },
    { rol_id: "rol_edt_0000000000000002", name: "editor", permissions: [{ docs: "write" }] },
    { rol_id: "rol_vwr_0000000000000003", name: "viewer", permissions: [{ docs: "read" }] }
  ],
  org_two: [{ rol_id: "rol_edt_0000000000000002", name: "editor", permissions: [{ docs: "other" }] }],
  org_none: [],
  org_noperm: [{ rol_id: "rol_non_0000000000000001", name: "nobody", permissions: [] }],
  org_multi: [
    {
      rol_id: "rol_mul_0000000000000001",
      name: "several",
      permissions: [{ a: "1", b: "2" }, { a: "3" }, {}, { c: "4" }]
    }
  ],
  org_odd: [
    {
      rol_id: "__proto__",
      name: "odd",
      permissions: [{ ["__proto__"]: "p" }, { constructor: "c" }, { "": "nothing" }]
    },
    { rol_id: "constructor", name: "odd too", permissions: [{ toString: "t" }] }
  ],
  org_f_nullperm: [{ rol_id: "rol_nul_0000000000000001", name: "null", permissions: null }]
}

const extra = {
  org_id: "org_f_extra",
  rol_id: "rol_ext_0000000000000001",
  name: "extra",
  permissions: [{ docs: "read" }],
  created_at: 1_700_000_000,
  members: [{ uid: "uid_ann" }]
}

/** What some organizations are answered with, whatever was asked. */
export const answers: Readonly<Record<string, HttpResponse>> = {
  org_f_401: json(401, { detail: "Unauthorized" }),
  org_f_500: json(500, { detail: "Internal Server Error" }),
  org_f_204: empty(204),
  org_f_html: text(200, "text/html", "<!doctype html><title>Sign in</title>"),
  org_f_malformed: text(200, "application/json", '[{"org_id":"org_f_malformed","rol_id":'),
  org_f_object: json(200, { roles: [] }),
  org_f_missing: json(200, [{ org_id: "org_f_missing", name: "no id", permissions: [] }]),
  org_f_number: json(200, [
    { org_id: "org_f_number", rol_id: "rol_num_0000000000000001", name: "n", permissions: [{ a: 1 }] }
  ]),
  org_f_extra: json(200, [extra])
}
