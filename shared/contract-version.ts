/**
 * Raised by one whenever contracts, the assertion or the schema change incompatibly
 * (tests/contract/contract-version.test.ts forces it). N and N-1 work together; further apart is `version_skew`.
 */
export const contractVersion = 1;

/** Whether a peer that reports `theirs` may talk to us. An absent number is a peer from before there were any. */
export function isCompatible(theirs: number): boolean {
  return Math.abs(theirs - contractVersion) <= 1;
}
