import { z } from "zod";

/** 值班员, 主管, 安装员, 管理员, 审计员. What each may do stands in the routes' table. */
export const roleSchema = z.enum(["guard", "manager", "installer", "admin", "auditor"]);
export type Role = z.infer<typeof roleSchema>;

/** Who makes a request. */
export interface Identity {
  readonly name: string;
  readonly role: Role;
  /** `link`: signed in by the one-time link of the log, without an account. */
  readonly via: "account" | "link" | "token";
}

/** The name under which the acts of somebody are recorded who came by the one-time link. */
export const linkName = "one-time-link";
