/**
 * @since 0.1.0
 */
export { AddedPermissions, type Permission, type Permissions, RemainingPermissions, Role } from "./Role.ts"
export {
  RoleAssignment,
  type RoleChange,
  type RoleUpdate,
  type SignOff,
  SignOffSessionReplace
} from "./RoleAssignment.ts"
export type { RoleCopy } from "./RoleCopy.ts"
export { TokenCheck, TokenPair, type Tokens } from "./Tokens.ts"
export {
  type AssignError,
  type ChangeRoles,
  type EditPage,
  type LoginPage,
  type LogoutError,
  type Options,
  type RefreshError,
  type ReplaceError,
  type RevokeOptions,
  type TokenError,
  TrustAuthX
} from "./TrustAuthX.ts"
export {
  type AgeOptions,
  type NewRole,
  type OrganizationOptions,
  type RoleError,
  type RolePermissions,
  TrustAuthXRoles
} from "./TrustAuthXRoles.ts"
export { User, UserData } from "./User.ts"
