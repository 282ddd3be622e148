import { describe, expect, it } from 'vitest';
import { dayOf, hasEnded, warningsOf } from './lifetime.ts';

const today = '2026-11-21';

describe('the end of a model', () => {
  it.each([
    [null, false, undefined],
    ['2026-11-20', true, 'Its vendor switched this model off on 2026-11-20'],
    ['2026-11-21', false, 'Its vendor switches this model off on 2026-11-21, today'],
    ['2026-11-22', false, 'Its vendor switches this model off on 2026-11-22, tomorrow'],
    ['2027-02-19', false, 'Its vendor switches this model off on 2027-02-19, in 90 days'],
    ['2027-02-20', false, undefined],
  ])('on %s', (endsOn, ended, warning) => {
    expect(hasEnded({ endsOn }, today)).toBe(ended);
    expect(warningsOf({ endsOn }, today)).toEqual(warning === undefined ? [] : [warning]);
  });

  it('is told by days of UTC', () => {
    expect(dayOf(new Date('2026-11-21T23:59:59.999Z'))).toBe(today);
  });
});
