import { describe, expect, it } from 'vitest';
import { AppError } from './error.ts';

describe('an error', () => {
  it('says where it was made only where that is our own affair', () => {
    expect(new AppError('unauthenticated', 'no').stack).not.toContain('error.test.ts');
    expect(new AppError('internal', 'oh').stack).toContain('error.test.ts');
    expect(new Error('anything else').stack).toContain('error.test.ts');
  });
});
