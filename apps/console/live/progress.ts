/** How far a search is, as its webserver tells it while it runs. */
import { useEffect, useState } from "preact/hooks";
import { part } from "../api/client.ts";

export interface Progress {
  state: string;
  lines: number;
  bytes: number;
  scanned: number;
  total: number;
}

export function useProgress(id: string, running: boolean): Progress | undefined {
  const [progress, setProgress] = useState<Progress>();
  useEffect(() => {
    if (!running) return;
    const source = new EventSource(`/api/searchctrl/${part(id)}/progress`);
    source.addEventListener("message", ({ data }: MessageEvent<string>) => {
      const now = JSON.parse(data) as Progress;
      setProgress(now);
      // A browser would open it again when it ends.
      if (now.state !== "running") source.close();
    });
    return () => source.close();
  }, [id, running]);
  return progress;
}
