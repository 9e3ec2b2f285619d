import { verified } from "./verify.mjs";

export async function POST(request) {
  const body = await request.text();
  const status = verified(SECRET, (name) => request.headers.get(name), body) ? 204 : 401;
  return new Response(null, { status });
}
