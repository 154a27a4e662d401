/** What a storage counts. */
export interface StorageStats {
  /** Since the start. */
  batches: number;
  /** Written to the log since the start. */
  bytes: number;
  /** Batches and slots of the hard state synced since the start. */
  syncs: number;
  /** Files of the log. */
  segments: number;
  /** How long the last batch took from write to synced; 0 without a clock. */
  lastSyncMs: number;
}
