import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Whether a test that needs a program from outside may skip, for the test's options:
 *
 *     it('…', { skip: missingTool('redis-cli') }, () => …)
 *
 * @returns false when the program is there, else the reason to skip.
 * @throws when DKVS_REQUIRE_TOOLS names it: who installs a tool wants its tests to run.
 */
export function missingTool(name: string): string | false {
  if (isInPath(name)) return false;
  const reason = `${name} is not installed`;
  const required = (process.env['DKVS_REQUIRE_TOOLS'] ?? '').split(/[\s,]+/);
  if (required.includes(name)) throw new Error(`${reason}, but DKVS_REQUIRE_TOOLS names it`);
  return reason;
}

function isInPath(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
