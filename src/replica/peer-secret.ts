import type { DenyCode } from '../protocol/frames.ts';

const REMEDY = 'start every node with the same --peer-secret-file';

/** Why two nodes don't talk, and what to do about it. */
const sentences: Record<DenyCode, (checking: string, checked: string) => string> = {
  SECRET_MISSING: (checking, checked) =>
    `${checking} asks its peers for proof of a secret, and ${checked} gives none: ${REMEDY}`,
  SECRET_UNEXPECTED: (checking, checked) =>
    `${checked} asks its peers for proof of a secret, and ${checking} has none: ${REMEDY}`,
  SECRET_WRONG: (checking, checked) =>
    `${checking} and ${checked} have different peer secrets: ${REMEDY}`,
};

/** @param checking who looked for the proof, or for its absence, @param checked at whom. */
export const secretTrouble = (code: DenyCode, checking: string, checked: string): string =>
  sentences[code](checking, checked);
