import type { ErrorCode } from "../../schemas/errors.ts";

/** What the rules of writing refuse an edit with, be it a put, a patch or a delete. */
export const WRITE_ERRORS: readonly ErrorCode[] = ["SCHEMA_INVALID", "TOO_LARGE", "BAD_ID", "NOT_FOUND", "REVISION_CONFLICT"];
