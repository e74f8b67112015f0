"""A server of the OpenAI chat API that can fail in many ways."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(text="fine", finish_reason="stop"):
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    return json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice], "usage": usage})


OK = (200, completion())


class Server(ThreadingHTTPServer):
    """Answers requests by a script; each step is a status with a body, what happens to the connection, or a function.

    After the script `answer` makes the steps, from the body of the request and its number (from 1 on); all succeed by default.
    """

    daemon_threads = True

    def __init__(self, *script, answer=lambda body, number: OK):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.answer, self.lock = list(script), answer, threading.Lock()
        self.requests, self.answered, self.authorizations = [], [], []
        self.current = self.peak = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request, client_address):
        pass


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(body)
            self.server.authorizations.append(self.headers["Authorization"])
            script = self.server.script
            step = script.pop(0) if script else self.server.answer(body, len(self.server.requests))
            self.server.answered += [body] if step == OK else []
            self.server.current += 1
            self.server.peak = max(self.server.peak, self.server.current)
        time.sleep(0.02)
        with self.server.lock:
            self.server.current -= 1
        if step == "hang":
            time.sleep(3)
        if step in ("drop", "hang"):
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if callable(step):
            step(self)
            self.close_connection = True
            return
        status, text = step
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if text.startswith("<") else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass
