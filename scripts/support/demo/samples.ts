/** The dashboards that the demo writes. Their ids are fixed, so that the demo's data does not grow from start to start. */
import type { Dashboard } from "../../../schemas/types.ts";

export type Sample = Dashboard & { data: { writtenAt: string; panels: Panel[] } };

interface Panel {
  title: string;
  chart: "line" | "bar" | "table" | "number";
  search: string;
}

const SAMPLES: readonly { id: string; name: string; labels: string[]; panels: Panel[] }[] = [
  {
    id: "demo-web-traffic",
    name: "Web traffic",
    labels: ["demo", "web"],
    panels: [
      { title: "Requests per minute", chart: "line", search: "tag=web stats count over 1m" },
      { title: "Slowest pages", chart: "table", search: "tag=web stats p99(ms) by url | limit 20" },
    ],
  },
  {
    id: "demo-failed-logins",
    name: "Failed logins",
    labels: ["demo", "security"],
    panels: [{ title: "By user", chart: "bar", search: "tag=auth result=failed | count by user" }],
  },
  {
    id: "demo-disk-space",
    name: "Disk space",
    labels: ["demo", "hosts"],
    panels: [{ title: "Fullest disks", chart: "table", search: "tag=disk max(used) by host mount" }],
  },
  {
    id: "demo-mail-queue",
    name: "Mail queue · Poststraße 5 ✉",
    labels: ["demo", "mail"],
    panels: [{ title: "Waiting", chart: "number", search: "tag=mail state=queued | count" }],
  },
  {
    id: "demo-name-lookups",
    name: "Name lookups",
    labels: ["demo", "dns"],
    panels: [{ title: "Unknown names", chart: "line", search: "tag=dns rcode=3 stats count over 1m" }],
  },
];

/** The samples, in their order, with the time of this writing in each: so every start of the demo makes changes that can be seen
 *  arriving. */
export function sampleDashboards(writtenAt: Date): Sample[] {
  return SAMPLES.map(({ panels, ...sample }) => ({ ...sample, data: { writtenAt: writtenAt.toISOString(), panels } }));
}
