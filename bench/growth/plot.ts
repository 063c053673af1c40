import type { Cost, Measure } from "./cost.ts";

const PANEL = { width: 250, height: 150, left: 62, top: 30, right: 12, bottom: 24 };
const COLUMNS = 3;

export interface Panel {
  readonly measure: Measure;
  readonly title: string;
}

/** One panel for each measure, both axes logarithmic: what is flat is level, and dashed is what the logarithm would be. */
export function plot(costs: readonly Cost[], panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const drawn = panels.map((panel, i) => {
    const at = `translate(${(i % COLUMNS) * PANEL.width},${Math.floor(i / COLUMNS) * PANEL.height})`;
    return `<g transform="${at}">\n${drawPanel(costs, panel)}\n</g>`;
  });
  const [width, height] = [COLUMNS * PANEL.width, rows * PANEL.height];
  const style = "text{font:11px sans-serif;fill:#333}.t{font-weight:bold}.a{stroke:#999;fill:none}";
  const lines = ".m{stroke:#0a5;fill:none;stroke-width:2}.l{stroke:#aaa;fill:none;stroke-dasharray:4 3}.d{fill:#0a5}";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>Cost of one machine by size of the mesh</title><style>${style}${lines}</style>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function drawPanel(costs: readonly Cost[], { measure, title }: Panel): string {
  const sizes = costs.map(({ nodes }) => nodes);
  const values = costs.map((cost) => cost[measure]);
  const [first = 1] = values;
  const [smallest = 1, largest = 1] = [sizes[0], sizes.at(-1)];
  const logarithm = sizes.map((nodes) => (first * Math.log(nodes)) / Math.log(smallest));
  // At least two powers of ten, so that what is flat looks flat.
  const middle = Math.sqrt(Math.min(...values) * Math.max(...values, ...logarithm));
  const [low, high] = [
    Math.min(middle / 10, ...values.map((value) => value / 1.2)),
    Math.max(middle * 10, ...values.map((value) => value * 1.2)),
  ];
  const { width, height, left, top, right, bottom } = PANEL;
  const share = (value: number, from: number, to: number): number => Math.log(value / from) / Math.log(to / from);
  const x = (nodes: number): string => (left + share(nodes, smallest, largest) * (width - left - right)).toFixed(1);
  const y = (value: number): string => (height - bottom - share(value, low, high) * (height - top - bottom)).toFixed(1);
  const line = (of: readonly number[]): string =>
    sizes.map((nodes, i) => `${x(nodes)},${y(of[i] as number)}`).join(" ");
  const [base, end] = [height - bottom, width - right];
  return [
    `<text class="t" x="${left}" y="18">${title}</text>`,
    `<path class="a" d="M${left} ${top}V${base}H${end}"/>`,
    ...sizes.map((nodes) => `<text x="${x(nodes)}" y="${height - 8}" text-anchor="middle">${nodes}</text>`),
    `<polyline class="l" points="${line(logarithm)}"/>`,
    `<polyline class="m" points="${line(values)}"/>`,
    ...sizes.map((nodes, i) => `<circle class="d" cx="${x(nodes)}" cy="${y(values[i] as number)}" r="3"/>`),
    ...[values[0], values.at(-1)].map((value, i) => {
      const nodes = i === 0 ? smallest : largest;
      const place = i === 0 ? `x="${left - 4}" text-anchor="end"` : `x="${x(nodes)}" dy="-8" text-anchor="end"`;
      return `<text ${place} y="${y(value as number)}">${short(value as number)}</text>`;
    }),
  ].join("\n");
}

export function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 1 ? value.toFixed(1) : value.toPrecision(2);
}
