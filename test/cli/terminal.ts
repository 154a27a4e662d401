/**
 * What somebody sees on a terminal: a small one, that knows the sequences which the command line uses,
 * and forgets nothing that scrolls out. Lines don't wrap.
 */
export class Terminal {
  private readonly rows: string[][] = [[]];
  private row = 0;
  private column = 0;

  /** The rows, without the colours, up to the last that has something in it. */
  static rowsOf(bytes: string): readonly string[] {
    const terminal = new Terminal();
    terminal.write(bytes);
    return terminal.rows.map((row) => row.join('').trimEnd());
  }

  private write(bytes: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the sequences of a terminal.
    const tokens = bytes.matchAll(/\x1b\[([?\d;]*)([A-Za-z])|\r|\n|\x07|[^\x1b]/gu);
    for (const [token, argument, letter] of tokens) {
      if (letter !== undefined) this.control(letter, Number(argument ?? '') || 0);
      else if (token === '\r') this.column = 0;
      else if (token === '\n') this.newLine();
      else if (token !== '\x07') this.put(token);
    }
  }

  private control(letter: string, count: number): void {
    const many = Math.max(1, count);
    const row = this.rows[this.row]!;
    if (letter === 'A') this.to(Math.max(0, this.row - many));
    else if (letter === 'B') this.to(this.row + many);
    else if (letter === 'C') this.column += many;
    else if (letter === 'D') this.column = Math.max(0, this.column - many);
    else if (letter === 'G') this.column = many - 1;
    else if (letter === 'K') row.length = Math.min(row.length, this.column);
    else if (letter === 'J') {
      row.length = Math.min(row.length, this.column);
      this.rows.length = this.row + 1;
    } else if (letter === 'H') {
      this.row = this.column = 0;
    }
  }

  /** Node leaves it to the terminal to return the carriage (ONLCR), in raw mode too. */
  private newLine(): void {
    this.column = 0;
    this.to(this.row + 1);
  }

  private to(row: number): void {
    this.row = row;
    while (this.rows.length <= row) this.rows.push([]);
  }

  private put(char: string): void {
    const row = this.rows[this.row]!;
    while (row.length < this.column) row.push(' ');
    row[this.column++] = char;
  }
}
