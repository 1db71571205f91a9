/** What makes and restores backups. A restore works by the datastore's rules, which a webserver does not have: whoever starts it gives it these. */
export interface Backups {
  /** Writes a backup of the whole datastore to `file`. */
  write(file: string, options: { password: string | undefined; omitSecrets: boolean; signal: AbortSignal }): Promise<void>;
  /** Brings it back, and tells what became of it. Throws BACKUP_DAMAGED. */
  restore(file: string, options: { password: string | undefined; dryRun: boolean; signal: AbortSignal }): Promise<object>;
}
