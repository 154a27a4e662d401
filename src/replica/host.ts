/** What a host knows of the process that a replica runs in, for INFO. Nothing depends on it. */
export interface HostFigures {
  readonly processId: number;
  /** As in "Linux 6.1.0 x64". */
  readonly system: string;
  /** As in "node v24.1.0". */
  readonly runtime: string;
  memory(): MemoryFigures;
  cpu(): CpuFigures;
}

export interface MemoryFigures {
  /** What objects and buffers take. */
  readonly usedBytes: number;
  /** What the process has of the machine's memory, now and at the most so far. */
  readonly residentBytes: number;
  readonly residentPeakBytes: number;
}

export interface CpuFigures {
  readonly userSeconds: number;
  readonly systemSeconds: number;
}
