/** Log lines of a container go to standard output, where the platform collects them. */
export function printLogLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
