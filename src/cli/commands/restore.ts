import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { hex } from '../../base/bytes.ts';
import { installNodeNative } from '../../node/native.ts';
import type { Member } from '../../raft/configuration.ts';
import { checkIsFree, restoredCluster, restoreMember } from '../backup/restore.ts';
import { readSnapshotFile } from '../backup/snapshot-source.ts';
import type { WholeSnapshot } from '../backup/snapshot-stream.ts';
import { counted } from '../backup/texts.ts';
import type { CliCommand } from '../command.ts';
import { ExitCode, usageError } from '../exit.ts';
import { numberedMembers, parseMembers } from '../members.ts';
import { jsonOption } from '../output.ts';
import type { OptionSpec, Settings } from '../settings.ts';
import { clusterMembers, clusterOptions } from './cluster.ts';
import { damagedError } from './snapshot.ts';

const localOption = (name: string, summary: string): OptionSpec => {
  return { ...clusterOptions.find((option) => option.name === name)!, summary };
};

export const restoreCommand: CliCommand = {
  name: 'restore',
  group: 'cluster',
  summary: 'Makes the data directories of a new cluster out of a backup.',
  usage: 'FILE --data DIR [--name NAME --cluster MEMBERS] [--token TEXT]',
  description: [
    'With --name and --cluster: the directory of one member, to be started with the same --name,',
    '--cluster and --data. Do it on every host, for every member, with the same backup: all of them',
    'belong together then, and a member that was not restored is refused.',
    'Without: the directories of a whole local cluster, for dkvs cluster --data DIR.',
    'The new cluster has an id of its own; members of the old one are strangers to it. Revisions and',
    'the order of SCAN go on where the backup was. The whole backup is verified before anything is',
    'written, and a directory that is not empty is never touched.',
    'The same backup restored to the same members again is the same cluster again: while anything of',
    'the first may still run, give the second another --token.',
  ],
  examples: [
    'dkvs restore monday.backup --data ./restored && dkvs cluster --data ./restored',
    'dkvs restore monday.backup --name n1 --data /var/lib/dkvs \\',
    '  --cluster n1=10.0.0.1:7001,n2=10.0.0.2:7001,n3=10.0.0.3:7001',
  ],
  options: [
    { name: 'data', kind: 'text', placeholder: 'DIR', summary: 'the new directory' },
    { name: 'name', kind: 'text', placeholder: 'NAME', summary: 'which of the members' },
    {
      name: 'cluster',
      kind: 'text',
      placeholder: 'NAME=HOST:PORT,…',
      summary: 'all members of the new cluster, as for serve',
    },
    localOption('nodes', 'of a local cluster: how many'),
    localOption('port', 'of a local cluster: of the first node'),
    {
      name: 'token',
      kind: 'text',
      placeholder: 'TEXT',
      summary: 'the same for all members, another for each restore of one backup',
    },
    jsonOption,
  ],
  async run({ settings, positionals }, io) {
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) {
      throw usageError('name one backup', 'usage: dkvs restore FILE --data DIR');
    }
    const plan = planOf(settings);
    for (const { directory } of plan.restored) checkIsFree(directory);
    if (plan.isLocal) checkIsFree(settings.text('data'));
    installNodeNative();
    const backup = await verified(file);
    const cluster = restoredCluster(backup, plan.members, plan.token);
    for (const { member, directory } of plan.restored) {
      await restoreMember(file, directory, member, cluster, backup.shape.blockBytes);
    }
    const { index, term } = backup.snapshot;
    const { revision, count: keys } = backup.state;
    const clusterId = hex(cluster.clusterId);
    if (settings.flag('json')) {
      const directories = plan.restored.map(({ member, directory }) => {
        return { name: member.name, directory };
      });
      const facts = { file, clusterId, index, term, keys, revision, directories };
      io.stdout.write(`${JSON.stringify(facts)}\n`);
      return ExitCode.Ok;
    }
    const names = plan.restored.map(({ member }) => member.name).join(', ');
    io.stdout.write(
      `restored ${names} of cluster ${clusterId}: ${counted(keys, 'key')}, revision ${revision}\n` +
        `  ${nextStep(plan, settings)}\n`,
    );
    return ExitCode.Ok;
  },
};

async function verified(file: string): Promise<WholeSnapshot> {
  try {
    return await readSnapshotFile(file);
  } catch (error) {
    throw damagedError(file, error);
  }
}

interface RestorePlan {
  readonly isLocal: boolean;
  readonly members: readonly Member[];
  readonly token: string;
  readonly restored: readonly { readonly member: Member; readonly directory: string }[];
}

function planOf(settings: Settings): RestorePlan {
  const data = settings.text('data');
  const token = settings.has('token') ? settings.text('token') : '';
  if (!settings.has('cluster')) {
    if (settings.has('name')) throw usageError('--name goes with --cluster');
    const members = numberedMembers(clusterMembers(settings));
    const restored = members.map((member) => ({ member, directory: join(data, member.name) }));
    // All of it is made here and now, so nobody has to agree: no two restores make one cluster.
    const drawn = token === '' ? hex(randomBytes(16)) : token;
    return { isLocal: true, members, token: drawn, restored };
  }
  const members = numberedMembers(parseMembers(settings.text('cluster')));
  const member = members.find(({ name }) => name === settings.text('name'));
  if (member === undefined) {
    const names = members.map(({ name }) => name).join(', ');
    throw usageError(`${settings.text('name')} is no member of --cluster`, `take one of ${names}`);
  }
  return { isLocal: false, members, token, restored: [{ member, directory: data }] };
}

function nextStep({ isLocal, members, restored }: RestorePlan, settings: Settings): string {
  const data = settings.text('data');
  if (isLocal) {
    const [first] = members;
    const nodes = members.length === 3 ? '' : ` --nodes ${members.length}`;
    const port = first!.port === 7001 ? '' : ` --port ${first!.port}`;
    return `start it: dkvs cluster --data ${data}${nodes}${port}`;
  }
  const { name } = restored[0]!.member;
  const others = members.filter((member) => member.name !== name).map((member) => member.name);
  const first = others.length === 0 ? '' : `restore ${others.join(', ')} likewise; then `;
  return `${first}start it: dkvs serve --name ${name} --cluster ${settings.text('cluster')} --data ${data}`;
}
