/** The last hour as lines. It is loaded beside the page, for it brings the library that draws. */

import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { say } from "../say";
import { useTheme } from "../theme";
import { words } from "../words";
import type { Point } from "./points";
import { CHARTS, type Chart, columns, type Tone } from "./series";

const HEIGHT = 140;
const AXIS = 58;
const FONT = '11px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif';
const SWATCHES: Record<Tone, string> = { accent: "bg-accent", warn: "bg-warn", bad: "bg-bad", soft: "bg-soft" };

export function Charts({ points }: { points: readonly Point[] }) {
  const theme = useTheme();
  return (
    <div className="grid gap-4 sm:grid-cols-2">
      {CHARTS.map((chart) => (
        <OneChart key={`${chart.title} ${theme}`} chart={chart} points={points} />
      ))}
    </div>
  );
}

function OneChart({ chart, points }: { chart: Chart; points: readonly Point[] }) {
  const [under, setUnder] = useState<number | null>(null);
  const data = useMemo(() => columns(points, chart.lines), [points, chart]);
  const [times, ...values] = data;
  const shown = under !== null && under < times.length ? under : times.length - 1;
  const facts = chart.lines.map((line, index) => {
    const value = values[index]?.[shown];
    return { ...line, value: value == null ? "–" : chart.say(value) };
  });
  const at = times[shown];
  return (
    <figure className="min-w-0 rounded-xl border border-line bg-raised p-4" aria-label={chart.title}>
      <figcaption className="flex items-baseline justify-between gap-2 text-sm font-medium">
        {chart.title}
        {under !== null && at !== undefined && (
          <span className="text-xs font-normal text-soft">{words.operate.at(clock(at))}</span>
        )}
      </figcaption>
      <ul className="mt-1 flex flex-wrap gap-x-4 gap-y-0.5 text-xs">
        {facts.map(({ label, tone, value }) => (
          <li key={label} className="flex items-center gap-1.5">
            <span aria-hidden="true" className={`h-0.5 w-3 rounded ${SWATCHES[tone]}`} />
            <span className="text-soft">{label}</span>
            <span className="font-mono">{value}</span>
          </li>
        ))}
      </ul>
      <Plot chart={chart} data={data} onCursor={setUnder} />
    </figure>
  );
}

interface PlotProps {
  chart: Chart;
  data: ReturnType<typeof columns>;
  onCursor: (index: number | null) => void;
}

function Plot({ chart, data, onCursor }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    const target = box.current;
    if (target === null) return;
    const made = new uPlot(options(chart, target.clientWidth, onCursor), undefined, target);
    const sizes = new ResizeObserver(() => made.setSize({ width: target.clientWidth, height: HEIGHT }));
    plot.current = made;
    sizes.observe(target);
    return () => {
      sizes.disconnect();
      made.destroy();
    };
  }, [chart, onCursor]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={box} aria-hidden="true" className="mt-2 min-w-0 overflow-hidden" />;
}

function options(chart: Chart, width: number, onCursor: PlotProps["onCursor"]): uPlot.Options {
  const axis = { stroke: colour("soft"), font: FONT, ticks: { show: false } };
  const grid = { stroke: colour("line"), width: 1 };
  return {
    width,
    height: HEIGHT,
    padding: [8, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: "operate" } },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 70, values: (_, times) => times.map(clock) },
      { ...axis, grid, size: AXIS, space: 36, values: (_, values) => values.map(chart.say) },
    ],
    series: [
      {},
      ...chart.lines.map(({ label, tone }) => ({
        label,
        stroke: colour(tone),
        width: 1.5,
        spanGaps: chart.isSparse === true,
        points: { size: 4 },
      })),
    ],
    hooks: { setCursor: [(made) => onCursor(made.cursor.idx ?? null)] },
  };
}

function clock(seconds: number): string {
  return say.clock(new Date(seconds * 1_000));
}

/** What a colour of the page is now, for what is no part of the document. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
