/** What makes and restores backups. A restore works by the datastore's rules, which a webserver does not have: whoever starts it gives it these. */
export interface Backups {
  /** Writes a backup of the whole datastore to `file`. */
  write(file: string, options: { password: string | undefined; omitSecrets: boolean; signal: AbortSignal }): Promise<void>;
  /** Brings it back, and tells what became of it. merge: what is newer stays; replace: what the backup has not is deleted. Throws BACKUP_DAMAGED. */
  restore(
    file: string,
    options: { password: string | undefined; mode: RestoreMode; dryRun: boolean; signal: AbortSignal },
  ): Promise<object>;
}

export const RESTORE_MODES = ["merge", "replace"] as const;
export type RestoreMode = (typeof RESTORE_MODES)[number];
