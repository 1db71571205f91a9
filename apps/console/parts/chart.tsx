/** A live chart of the last two minutes. Its last figures are beside it as text, for those who do not see it. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

export interface Series {
  name: string;
  values: readonly (number | null)[];
  /** A custom property with its colour. */
  color: string;
}

const HEIGHT = 180;
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

export function Chart({
  label,
  seconds,
  series,
  unit,
}: {
  label: string;
  seconds: readonly number[];
  series: readonly Series[];
  unit: string;
}) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = [seconds, ...series.map(({ values }) => values)] as unknown as uPlot.AlignedData;
  const latest = useRef(data);
  latest.current = data;
  const names = series.map(({ name, color }) => `${name} ${color}`).join();
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(element, series, unit), latest.current, element);
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    // A canvas knows nothing of the page's colours.
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    DARK.addEventListener("change", draw);
    return () => {
      resized.disconnect();
      themed.disconnect();
      DARK.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [names, unit]);
  useEffect(() => plot.current?.setData(data));
  return <div ref={place} class="chart-place" role="img" aria-label={label} />;
}

function optionsFor(element: HTMLElement, series: readonly Series[], unit: string): uPlot.Options {
  const colors = getComputedStyle(element);
  // The browser resolves light-dark() only in a property that takes a colour.
  const resolve = (property: string) => {
    element.style.color = `var(${property})`;
    const found = colors.color;
    element.style.color = "";
    return found;
  };
  const [quiet, line] = [resolve("--quiet"), resolve("--line")];
  const axis = { stroke: quiet, grid: { stroke: line, width: 1 }, ticks: { show: false }, font: `12px ${colors.fontFamily}` };
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    padding: [8, 24, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 0) * 1.15)] } },
    axes: [
      {
        ...axis,
        values: (_plot, at) => at.map((second) => new Date(second * 1000).toLocaleTimeString([], { timeStyle: "medium" })),
        space: 90,
      },
      { ...axis, size: 56, values: (_plot, ticks) => ticks.map((tick) => `${tick}${unit}`) },
    ],
    series: [
      {},
      ...series.map(({ name, color }) => ({
        label: name,
        stroke: resolve(color),
        width: 2,
        spanGaps: true,
        points: { size: 4 },
      })),
    ],
  };
}
