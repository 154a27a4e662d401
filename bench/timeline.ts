import { assert } from '../src/base/assert.ts';
import { escaped, label, linearScale, MUTED, round, rule, shortNumber } from './svg.ts';

/** One line of a timeline. */
export interface Lane {
  readonly title: string;
  readonly bars: readonly Bar[];
}

export interface Bar {
  /** Written into the bar where there is room, and shown when it is pointed at. */
  readonly title: string;
  readonly kind: 'work' | 'disk' | 'way';
  /** Microseconds. */
  readonly from: number;
  readonly to: number;
}

export interface Timeline {
  readonly title: string;
  /** Where and how it was measured. */
  readonly notes: readonly string[];
  readonly lanes: readonly Lane[];
}

const WIDTH = 860;
const PLOT = { left: 90, top: 64, width: 740 };
const LANE_HEIGHT = 34;
const BAR_HEIGHT = 22;
const NOTE_HEIGHT = 16;
const LETTER_WIDTH = 6.2;

const colors: Readonly<Record<Bar['kind'], readonly [fill: string, text: string]>> = {
  work: ['#0969da', '#ffffff'],
  disk: ['#bc4c00', '#ffffff'],
  way: ['#d0d7de', '#24292f'],
};
const legend = { work: 'a processor works', disk: 'the disk syncs', way: 'under way, waiting' };

/** Draws what happens side by side, from left to right, readable on a light and on a dark page. */
export function timeline({ title, notes, lanes }: Timeline): string {
  const ends = lanes.flatMap(({ bars }) => bars.map(({ to }) => to));
  assert(ends.length > 0, () => 'a timeline of nothing');
  const x = linearScale(ends, PLOT.left, PLOT.left + PLOT.width);
  const bottom = PLOT.top + lanes.length * LANE_HEIGHT;
  const height = bottom + 56 + notes.length * NOTE_HEIGHT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
      'font-family="system-ui, sans-serif" font-size="12">',
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    label(20, 26, title, 'font-size="16" font-weight="600"'),
    ...Object.entries(legend).flatMap(([kind, text], i) => {
      const left = PLOT.left + i * 170;
      const fill = colors[kind as Bar['kind']][0];
      const square = `<rect x="${left}" y="38" width="12" height="12" fill="${fill}"/>`;
      return [square, label(left + 18, 48, text, '')];
    }),
    ...x.ticks.flatMap((tick) => {
      const at = round(x.place(tick));
      return [
        rule(at, PLOT.top, at, bottom),
        label(at, bottom + 18, shortNumber(tick), 'text-anchor="middle"'),
      ];
    }),
    label(PLOT.left + PLOT.width / 2, bottom + 36, 'microseconds', 'text-anchor="middle"'),
    ...lanes.flatMap((lane, i) => drawn(lane, PLOT.top + i * LANE_HEIGHT, x.place)),
    ...notes.map((note, i) => label(20, bottom + 56 + i * NOTE_HEIGHT, note, MUTED)),
    '</svg>',
    '',
  ].join('\n');
}

function drawn(lane: Lane, top: number, place: (us: number) => number): readonly string[] {
  const barTop = top + (LANE_HEIGHT - BAR_HEIGHT) / 2;
  const lines = [label(20, barTop + 15, lane.title, 'font-weight="600"')];
  for (const { title, kind, from, to } of lane.bars) {
    const left = round(place(from));
    const width = Math.max(1, round(place(to) - place(from)));
    const [fill, ink] = colors[kind];
    const said = `${title} ${Math.round(to - from)} µs`.trim();
    lines.push(
      `<rect x="${left}" y="${barTop}" width="${width}" height="${BAR_HEIGHT}" fill="${fill}">` +
        `<title>${escaped(`${lane.title}: ${said}`)}</title></rect>`,
    );
    const shown = [said, title].find((words) => words.length * LETTER_WIDTH < width - 6);
    if (shown !== undefined && shown !== '') {
      lines.push(label(left + 4, barTop + 15, shown, `fill="${ink}"`));
    }
  }
  return lines;
}
