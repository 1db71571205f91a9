import type { ErrorCode } from "../../schemas/errors.ts";

/** What a change of users is refused with: by their rules (functions/rules/users.ts), or by a restore. */
export const USER_ERRORS: readonly ErrorCode[] = [
  "DEFAULT_ADMIN",
  "USER_NAME_TAKEN",
  "UNKNOWN_GROUP",
  "UNKNOWN_USER",
  "RESTORING",
];

/** What the rules of writing refuse an edit with, be it a put, a patch or a delete. */
export const WRITE_ERRORS: readonly ErrorCode[] = [
  "SCHEMA_INVALID",
  "TOO_LARGE",
  "BAD_ID",
  "NOT_FOUND",
  "REVISION_CONFLICT",
  "ID_ALLOCATED",
  "GLOBAL_NEEDS_ADMIN",
  ...USER_ERRORS,
];
