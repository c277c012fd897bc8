/** What a page that verifies would load: all of both packages. */
export * from '@vitrine/evidence';
export * from '@vitrine/measure';
