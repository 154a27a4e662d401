import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout: compiled tests run from build/tests/structure. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface SourceFile {
  /** From the root: `src/raft/raft.ts`. */
  readonly path: string;
  readonly text: string;
  /** The text without its comments, and with empty strings. */
  readonly code: string;
}

export interface Import {
  readonly from: string;
  readonly target: string;
  readonly isType: boolean;
}

/** All TypeScript below a folder of the checkout. */
export function sourcesBelow(folder: string): readonly SourceFile[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const file = join(entry.parentPath, entry.name);
      const text = readFileSync(file, 'utf8');
      return { path: file.slice(ROOT.length), text, code: codeOf(text) };
    });
}

/** `src/raft/raft.ts` belongs to `raft`. */
export const layerOf = (path: string): string => path.split('/')[1]!;

/** Every module that the file names, static or dynamic, with relative paths resolved. */
export function importsOf({ path, text }: SourceFile): readonly Import[] {
  const clean = withoutComments(text);
  const found: Import[] = [];
  const statement = /(?:^|\n)\s*(?:import|export)\s+(type\s)?([^;'"]*?from\s*)?['"]([^'"]+)['"]/g;
  for (const [, typeWord, clause = '', target] of clean.matchAll(statement)) {
    const names = /\{([^}]*)\}/
      .exec(clause)?.[1]
      ?.split(',')
      .filter((name) => name.trim() !== '');
    const isOnlyTypes = names?.every((name) => /^\s*type\s/.test(name)) ?? false;
    const isType = typeWord !== undefined || isOnlyTypes;
    found.push({ from: path, target: resolve(path, target!), isType });
  }
  for (const [, target] of clean.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g)) {
    found.push({ from: path, target: resolve(path, target!), isType: false });
  }
  return found;
}

function resolve(from: string, target: string): string {
  return target.startsWith('.') ? join(from, '..', target) : target;
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

function codeOf(text: string): string {
  return withoutComments(text)
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''")
    .replace(/"(?:[^"\\\n]|\\.)*"/g, '""')
    .replace(/`(?:[^`\\$]|\\.|\$(?!\{))*`/g, '``');
}
