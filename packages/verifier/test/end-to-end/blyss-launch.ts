/** The kernel command line that Blyss' published protocol demands, with images pinned by digest. */
import { blyssProtocols, diskWords } from '../../src/dialects/blyss/protocol.ts';

const digest = (fill: string): string => `@sha256:${fill.repeat(64)}`;

/** @param extraWords behind all others @param pin of the application's image: a digest, or a tag */
export function blyssCmdline(extraWords?: string, pin = digest('c')): string {
  const protocol = blyssProtocols['v0.0.1'];
  const { shim, ui, application } = protocol.images;
  return [
    protocol.security,
    diskWords(protocol),
    `blyss_shim_docker_img="--env HOST=localhost ${shim}${digest('a')}"`,
    `blyss_ui_docker_img="${ui}${digest('b')}"`,
    `blyss_docker_img="${application}${pin} --model demo/stories260K"`,
    ...(extraWords === undefined ? [] : [extraWords]),
  ].join(' ');
}
