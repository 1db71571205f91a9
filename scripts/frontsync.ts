#!/usr/bin/env node
/** The `frontsync` command. It listens for signals before it loads anything else, so that a Ctrl-C in the first moments is a clean end
 *  as well; support/program.ts knows the commands. */
import { faultLine, flushed, surviveBrokenPipes } from "./support/output.ts";
import { watchForStop } from "./support/signals.ts";

surviveBrokenPipes();
const stop = watchForStop();
const { main } = await import("./support/program.ts");
const exitCode = await main(process.argv.slice(2), stop);
const unprinted = await flushed();
if (unprinted) process.stderr.write(`${faultLine(unprinted)}\n`);
// Not left to an empty event loop: a connection that somebody forgot to close must not keep a finished command alive.
process.exit(exitCode === 0 && unprinted ? 1 : exitCode);
