import { readFileSync } from 'node:fs';
import { usageError } from './exit.ts';
import { didYouMean, editDistance } from './suggest.ts';

/**
 * One setting of a command. It can be given as the flag `--name`, as `DKVS_NAME` in the
 * environment, or as "name" in the JSON of `--config`; the first of these that has it counts.
 */
export interface OptionSpec {
  readonly name: string;
  /**
   * `flag`: present or not; `count`: a whole number; `duration`: 500, 500ms, 2s, in ms; `every`: a
   * flag that may say how often, in seconds: `--watch`, `--watch=5`.
   */
  readonly kind: 'text' | 'flag' | 'count' | 'duration' | 'every';
  /** What stands for the value in the help. Empty for flags. */
  readonly placeholder: string;
  readonly summary: string;
  /** As text, as a user would write it. Absent: no value. */
  readonly fallback?: string;
}

/** Of every command. */
export const commonOptions: readonly OptionSpec[] = [
  {
    name: 'config',
    kind: 'text',
    placeholder: 'FILE',
    summary: 'read settings from a JSON file whose keys are the names of flags',
  },
  { name: 'help', kind: 'flag', placeholder: '', summary: 'print this help' },
];

export interface ParsedArguments {
  readonly flags: ReadonlyMap<string, string>;
  readonly positionals: readonly string[];
}

/**
 * Splits a command line. Flags may stand anywhere; `--` ends them. A single dash starts no flag,
 * since data does: `dkvs incrby stock -5`.
 * @throws CliError for a flag that is unknown, lacks its value, or has one it does not take.
 */
export function parseArguments(
  argv: readonly string[],
  specs: readonly OptionSpec[],
): ParsedArguments {
  const flags = new Map<string, string>();
  const positionals: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] === '-h' ? '--help' : argv[i]!;
    if (arg === '--') {
      positionals.push(...argv.slice(i + 1));
      break;
    }
    if (!arg.startsWith('--')) {
      positionals.push(arg);
      continue;
    }
    const equals = arg.indexOf('=');
    const name = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    const spec = specs.find((known) => known.name === name);
    if (spec === undefined) throw unknownFlag(name, specs);
    if (spec.kind === 'flag') {
      if (equals >= 0) throw usageError(`--${name} takes no value`);
      flags.set(name, 'true');
    } else if (spec.kind === 'every' && equals < 0) {
      flags.set(name, 'true');
    } else {
      const value = equals >= 0 ? arg.slice(equals + 1) : argv[++i];
      if (value === undefined) throw usageError(`--${name} needs a value: ${spec.placeholder}`);
      flags.set(name, value);
    }
  }
  return { flags, positionals };
}

/** Whether `--name value` is how it is written: flags stand alone. */
export function takesNextArgument({ kind }: OptionSpec): boolean {
  return kind !== 'flag' && kind !== 'every';
}

function unknownFlag(name: string, specs: readonly OptionSpec[]) {
  const names = specs.map((spec) => spec.name);
  const asData = 'to pass it as data, put it behind `--`';
  return usageError(`unknown flag --${name}`, didYouMean(name, names, '--') || asData);
}

/** The values of a command's settings, and where each comes from. */
export class Settings {
  private readonly values: ReadonlyMap<string, Value>;

  constructor(values: ReadonlyMap<string, Value>) {
    this.values = values;
  }

  has(name: string): boolean {
    return this.values.has(name);
  }

  /** @throws CliError when there is no value. */
  text(name: string): string {
    const value = this.values.get(name);
    if (value !== undefined) return value.text;
    throw usageError(`--${name} is missing`);
  }

  flag(name: string): boolean {
    const text = this.values.get(name)?.text ?? 'false';
    if (text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0' || text === '') return false;
    throw this.bad(name, 'true or false');
  }

  /** @throws CliError unless it is a whole number from `min` to `max`. */
  count(name: string, min: number, max: number): number {
    const text = this.text(name);
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw this.bad(name, `a whole number from ${min} to ${max}`);
  }

  /** In ms. @throws CliError unless it is one, from `minMs` to a day. */
  duration(name: string, minMs: number): number {
    const match = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s)?$/.exec(this.text(name));
    const value = match === null ? Number.NaN : Number(match[1]) * (match[2] === 's' ? 1000 : 1);
    if (value >= minMs && value <= 86_400_000) return value;
    throw this.bad(name, `a time of at least ${minMs} ms, like 500, 500ms or 2s`);
  }

  /**
   * How often, in ms, of a setting of kind `every`; null where it is not wanted.
   * @param fallbackMs where it is wanted, but not said how often.
   * @throws CliError unless it is a time from 0.1 s to an hour.
   */
  every(name: string, fallbackMs: number): number | null {
    const text = this.values.get(name)?.text ?? 'false';
    if (text === 'true') return fallbackMs;
    if (text === 'false') return null;
    const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s)?$/.exec(text);
    const value = match === null ? Number.NaN : Number(match[1]) * (match[2] === 'ms' ? 1 : 1000);
    if (value >= 100 && value <= 3_600_000) return value;
    throw this.bad(name, 'a time from 0.1 to 3600 seconds, like 2, 2s or 500ms');
  }

  private bad(name: string, wanted: string) {
    const { text, source } = this.values.get(name)!;
    return usageError(`${source} must be ${wanted}, not ${JSON.stringify(text)}`);
  }
}

export interface Value {
  readonly text: string;
  /** As an error message names it: `--timeout`, `DKVS_TIMEOUT`, `"timeout" in dkvs.json`. */
  readonly source: string;
}

export const environmentName = (option: string): string =>
  `DKVS_${option.toUpperCase().replaceAll('-', '_')}`;

/** Names of the environment that are no setting of the command line. */
const RESERVED = ['DKVS_REQUIRE_TOOLS'];

/**
 * Brings the sources together: flag, environment, file, default.
 * @param known every setting of every command: what the file and the environment may name.
 * @throws CliError for an unknown key of the file, or one of the environment that looks like a
 *   slip. (Orchestrators put `DKVS_…` of their own there: what is near to nothing is let pass.)
 */
export function resolveSettings(
  specs: readonly OptionSpec[],
  known: readonly OptionSpec[],
  flags: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const names = known.map((spec) => spec.name);
  checkEnvironment(names, env);
  const file = flags.get('config') ?? env['DKVS_CONFIG'];
  const config = file === undefined ? new Map<string, string>() : readConfig(file, names);
  const values = new Map<string, Value>();
  for (const { name, fallback } of specs) {
    const variable = environmentName(name);
    const sources: [string | undefined, string][] = [
      [flags.get(name), `--${name}`],
      [env[variable], variable],
      [config.get(name), `${JSON.stringify(name)} in ${file}`],
      [fallback, `the default of --${name}`],
    ];
    const found = sources.find(([text]) => text !== undefined);
    if (found !== undefined) values.set(name, { text: found[0]!, source: found[1] });
  }
  return new Settings(values);
}

function checkEnvironment(
  names: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): void {
  const variables = [...names.map(environmentName), ...RESERVED];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('DKVS_') || variables.includes(name)) continue;
    const meant = variables.find((variable) => editDistance(name, variable) <= 2);
    if (meant === undefined) continue;
    throw usageError(`unknown setting ${name} in the environment`, `did you mean \`${meant}\`?`);
  }
}

function readConfig(file: string, names: readonly string[]): ReadonlyMap<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageError(`can't read the configuration ${file}: ${(error as Error).message}`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) {
    throw usageError(`${file} must hold one JSON object`);
  }
  const config = new Map<string, string>();
  for (const [name, value] of Object.entries(parsed)) {
    if (!names.includes(name)) {
      throw usageError(
        `unknown setting ${JSON.stringify(name)} in ${file}`,
        didYouMean(name, names),
      );
    }
    config.set(name, configText(file, name, value));
  }
  return config;
}

/** Lists may be written as arrays: they become what the flag would say, joined by commas. */
function configText(file: string, name: string, value: unknown): string {
  const items = Array.isArray(value) ? value : [value];
  if (items.every((item) => ['string', 'number', 'boolean'].includes(typeof item))) {
    return items.map(String).join(',');
  }
  throw usageError(`"${name}" in ${file} must be text, a number, true or false, or a list of them`);
}
