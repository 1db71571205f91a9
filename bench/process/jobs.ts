/** The child's side of a process that does jobs for the bench. */

/** What a process can do, by name. Inputs and results go through JSON. */
export type Jobs = Record<string, (input: never) => Promise<unknown>>;

export interface Order {
  number: number;
  job: string;
  input: unknown;
}

export type Answer = { number: number; result: unknown } | { number: number; error: string };

/** Serves jobs to the process that forked this one, until that one goes away. Whatever this process holds is thrown away then: the
 *  folders are temporary, and a run must end quickly. */
export function serve(jobs: Jobs): void {
  // A Ctrl-C at the terminal reaches the whole group; the parent decides when this process ends.
  process.on("SIGINT", () => {});
  process.on("SIGHUP", () => {});
  process.on("disconnect", () => process.exit(0));
  process.on("message", (order: Order) => void run(jobs, order).then((answer) => process.connected && process.send?.(answer)));
}

async function run(jobs: Jobs, { number, job, input }: Order): Promise<Answer> {
  try {
    const work = jobs[job];
    if (!work) throw new Error(`no job is called '${job}'`);
    return { number, result: await work(input as never) };
  } catch (error) {
    return { number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
