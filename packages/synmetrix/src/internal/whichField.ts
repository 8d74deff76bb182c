/** Which argument the server complains about (contract, section 2): its name begins the message, in quotes. */

/** As the wire calls them. What is not here was not given by a caller, or is not told: it may be made up. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ["email", "email"],
  ["password", "password"],
  ["user_data", "userData"],
  ["register_options", "allowedRoles"],
  ["register_options.allowed_roles", "allowedRoles"],
  ["register_options.default_role", "defaultRole"],
  ["ticket", "ticket"],
  ["code", "code"],
  ["old_password", "oldPassword"],
  ["new_password", "newPassword"]
])

export const whichField = (message: string | undefined): string | undefined => {
  const [, path = ""] = /^"([^"]{1,200})"/.exec(message ?? "") ?? []
  return FIELDS.get(path) ?? FIELDS.get(path.split(".")[0] ?? "")
}
