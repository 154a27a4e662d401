import type { Client } from '../../node/client.ts';
import { ASK_MS, askAll, latest, leaderAmong, type MemberStatus } from '../node-status.ts';

const IDLE_MS = 500;

/**
 * Keeps an eye on who leads while somebody types: asks in the background, again and again, and at once
 * when told that something has happened. Nobody ever waits for it.
 */
export class Lookout {
  /** Who leads; without a leader, whoever answered with the latest term; null: nobody did. */
  seen: MemberStatus | null = null;
  /** Whether anybody has been asked yet. */
  hasLooked = false;
  private readonly onLook: () => void;
  private client: Client;
  private seeds: readonly string[];
  private timer: NodeJS.Timeout | null = null;
  private isLooking = false;
  private isWantedAgain = false;
  private isClosed = false;

  /** @param onLook called after every look. */
  constructor(client: Client, seeds: readonly string[], onLook: () => void) {
    this.client = client;
    this.seeds = seeds;
    this.onLook = onLook;
  }

  /** Looks now, or once more if it is just looking. */
  look(): void {
    if (this.isClosed) return;
    if (this.isLooking) this.isWantedAgain = true;
    else void this.ask();
  }

  /** Looks at another cluster from now on. */
  turnTo(client: Client, seeds: readonly string[]): void {
    this.client = client;
    this.seeds = seeds;
    this.seen = null;
    this.hasLooked = false;
    this.look();
  }

  close(): void {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private async ask(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.isLooking = true;
    const { client } = this;
    const reports = await askAll(client, this.seeds, ASK_MS);
    this.isLooking = false;
    if (this.isClosed) return;
    if (client === this.client) {
      const answered = reports.map(({ status }) => status).filter((s) => s.role !== 'unreachable');
      this.seen = leaderAmong(reports) ?? latest(answered);
      this.hasLooked = true;
      this.onLook();
    }
    const delayMs = this.isWantedAgain ? 0 : IDLE_MS;
    this.isWantedAgain = false;
    this.timer = setTimeout(() => this.look(), delayMs);
  }
}
