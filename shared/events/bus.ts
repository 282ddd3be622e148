export type BusStatus = 'connected' | 'disabled' | 'unavailable';
