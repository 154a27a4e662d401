import { arch, release, type } from 'node:os';
import type { CpuFigures, HostFigures, MemoryFigures } from '../replica/host.ts';

/** This process, as Node and the system see it. */
export class NodeHost implements HostFigures {
  readonly processId: number = process.pid;
  readonly system: string = `${type()} ${release()} ${arch()}`;
  readonly runtime: string = `node ${process.version}`;

  memory(): MemoryFigures {
    const { heapUsed, external, rss } = process.memoryUsage();
    return {
      usedBytes: heapUsed + external,
      residentBytes: rss,
      residentPeakBytes: process.resourceUsage().maxRSS * 1024,
    };
  }

  cpu(): CpuFigures {
    const { user, system } = process.cpuUsage();
    return { userSeconds: user / 1e6, systemSeconds: system / 1e6 };
  }
}
