/** Which bytes go to the game (contract, section 1). */
import { GrpcMethod } from "@latchkey/grpc"
import {
  AuthLoginRequest,
  AuthLogoutRequest,
  AuthStatus,
  AuthStatusRequest
} from "../gen/resonite_io/v1/auth.ts"

export const login = GrpcMethod.make("/resonite_io.v1.Auth/Login", AuthLoginRequest, AuthStatus)

export const logout = GrpcMethod.make("/resonite_io.v1.Auth/Logout", AuthLogoutRequest, AuthStatus)

export const status = GrpcMethod.make("/resonite_io.v1.Auth/Status", AuthStatusRequest, AuthStatus)
