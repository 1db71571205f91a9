// Loaded first into the processes under test (node --import): their wall clock is off by as many ms as the file FRONTSYNC_FAULTS_CLOCK says.
import { readFileSync } from "node:fs";

const LOOK_MS = 100;
const file = process.env.FRONTSYNC_FAULTS_CLOCK;
const real = Date.now;
let offset = 0;

function look(): void {
  try {
    offset = Number(readFileSync(file as string, "utf8")) || 0;
  } catch {
    offset = 0;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, LOOK_MS).unref();
  Date.now = () => real() + offset;
}
