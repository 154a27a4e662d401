import { assert } from '../src/base/assert.ts';

export interface Curve {
  readonly title: string;
  readonly color: string;
  readonly isDashed: boolean;
  /** In the order of x. A y that is not above 0 has no place on a logarithmic scale: left out. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  /** Where and how it was measured. */
  readonly notes: readonly string[];
  readonly xTitle: string;
  readonly yTitle: string;
  readonly curves: readonly Curve[];
}

const WIDTH = 860;
const NOTE_HEIGHT = 16;
const PLOT = { left: 70, top: 56, width: 560, height: 360 };
const LEGEND_LEFT = PLOT.left + PLOT.width + 20;

/** Draws curves over a linear x and a logarithmic y, readable on a light and on a dark page. */
export function lineChart({ title, notes, xTitle, yTitle, curves }: Chart): string {
  const points = curves.flatMap((curve) => drawable(curve));
  assert(points.length > 0, () => 'a chart of nothing');
  const x = linearScale(
    points.map(([value]) => value),
    PLOT.left,
    PLOT.left + PLOT.width,
  );
  const y = logarithmicScale(
    points.map(([, value]) => value),
    PLOT.top + PLOT.height,
    PLOT.top,
  );
  const bottom = PLOT.top + PLOT.height;
  const height = bottom + 56 + notes.length * NOTE_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      'font-family="system-ui, sans-serif" font-size="12">',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    label(PLOT.left, 26, title, 'font-size="16" font-weight="600"'),
    label(PLOT.left - 50, PLOT.top - 12, yTitle, ''),
    ...y.ticks.flatMap((tick) => {
      const at = round(y.place(tick));
      const line = rule(PLOT.left, at, PLOT.left + PLOT.width, at);
      return [line, label(PLOT.left - 8, at + 4, shortNumber(tick), 'text-anchor="end"')];
    }),
    ...x.ticks.flatMap((tick) => {
      const at = round(x.place(tick));
      const line = rule(at, PLOT.top, at, bottom);
      return [line, label(at, bottom + 18, shortNumber(tick), 'text-anchor="middle"')];
    }),
    label(PLOT.left + PLOT.width / 2, bottom + 38, xTitle, 'text-anchor="middle"'),
    ...curves.flatMap((curve, i) => drawn(curve, x, y, PLOT.top + 10 + i * 20)),
    ...notes.map((note, i) => label(PLOT.left, bottom + 60 + i * NOTE_HEIGHT, note, MUTED)),
    '</svg>',
    '',
  ].join('\n');
}

export const MUTED = 'fill="#57606a" font-size="11"';

const drawable = ({ points }: Curve) =>
  points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y) && y > 0);

function drawn(curve: Curve, x: Scale, y: Scale, legendTop: number): readonly string[] {
  const dash = curve.isDashed ? ' stroke-dasharray="6 4"' : '';
  const style = `fill="none" stroke="${curve.color}" stroke-width="2"${dash}`;
  const places = drawable(curve).map(([a, b]) => [round(x.place(a)), round(y.place(b))] as const);
  return [
    `<polyline points="${places.map((place) => place.join(',')).join(' ')}" ${style}/>`,
    ...places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="2.5" fill="${curve.color}"/>`),
    `<line x1="${LEGEND_LEFT}" y1="${legendTop}" x2="${LEGEND_LEFT + 26}" y2="${legendTop}" ${style}/>`,
    label(LEGEND_LEFT + 34, legendTop + 4, curve.title, ''),
  ];
}

export const rule = (x1: number, y1: number, x2: number, y2: number) =>
  `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#d8dee4"/>`;

export const label = (x: number, y: number, text: string, style: string) =>
  `<text x="${round(x)}" y="${round(y)}" ${style}>${escaped(text)}</text>`;

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export const round = (value: number): number => Math.round(value * 10) / 10;

export interface Scale {
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** From 0 to the first round number that holds all values, about six ticks between. */
export function linearScale(values: readonly number[], from: number, to: number): Scale {
  const step = roundStep(Math.max(...values) / 6);
  const steps = Math.max(1, Math.ceil(Math.max(...values) / step - 1e-9));
  return {
    ticks: Array.from({ length: steps + 1 }, (_, i) => i * step),
    place: (value) => from + ((to - from) * value) / (steps * step),
  };
}

/** Whole powers of ten around all values. */
export function logarithmicScale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)),
    place: (value) => from + ((to - from) * (Math.log10(value) - low)) / (high - low),
  };
}

/** 1, 2 or 5 times a power of ten, at least `atLeast`. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= atLeast * 0.999999)!;
}

export const shortNumber = (value: number): string =>
  value >= 1000
    ? `${Number((value / 1000).toPrecision(3))}k`
    : String(Number(value.toPrecision(3)));
