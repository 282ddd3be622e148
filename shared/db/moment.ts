import { timestamp } from 'drizzle-orm/pg-core';

/** A column that holds a point in time, whatever the time zone of whoever writes or reads it. */
export const moment = (name: string) => timestamp(name, { withTimezone: true });
