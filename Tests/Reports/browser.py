"""A headless Chromium, driven over a pipe with its own protocol: messages of JSON that end with a zero byte."""

import base64
import json
import os
import subprocess
import time


class Browser:
    """`with Browser(folder) as browser`; the folder is for its profile."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        commands, self.commands = os.pipe()
        self.answers, answers = os.pipe()

        def place():
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        # The pipes must not be where they are put.
        commands, answers = (os.dup(os.dup(os.dup(fd))) for fd in (commands, answers))
        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", f"--user-data-dir={self.folder}",
             "--remote-debugging-pipe", "about:blank"],
            preexec_fn=place, close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)
        os.set_blocking(self.answers, False)
        self.number, self.buffer, self.events = 0, b"", []
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)

    def _messages(self, seconds=30):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            while b"\0" in self.buffer:
                message, self.buffer = self.buffer.split(b"\0", 1)
                yield json.loads(message)
            try:
                self.buffer += os.read(self.answers, 1 << 20)
            except BlockingIOError:
                assert self.process.poll() is None, "the browser has ended"
                time.sleep(0.005)
        raise TimeoutError("the browser does not answer")

    def call(self, method, session=None, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        for answer in self._messages():
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def open(self, file, width, height=800, dark=False):
        return Page(self, file, width, height, dark)


class Page:
    """One page, loaded; `requests` and `complaints` say what it asked for and what the browser objected to."""

    def __init__(self, browser, file, width, height, dark):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        browser.events.clear()
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Page.navigate", url=file.resolve().as_uri())
        self._wait_until_loaded()

    def call(self, method, **parameters):
        return self.browser.call(method, self.session, **parameters)

    def _wait_until_loaded(self):
        for _ in range(500):
            if self.run("document.readyState + location.protocol") == "completefile:":
                return
            time.sleep(0.01)
        raise TimeoutError("the page does not load")

    def run(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    @property
    def requests(self):
        events = [event["params"] for event in self.browser.events if event["method"] == "Network.requestWillBeSent"]
        return [event["request"]["url"] for event in events]

    @property
    def complaints(self):
        kinds = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
        return [event for event in self.browser.events if event["method"] in kinds]

    def picture(self):
        """PNG of the whole page, as far as 6,000 pixels down."""
        height = min(6000, self.run("document.documentElement.scrollHeight"))
        width = self.run("innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def printed(self):
        """PDF on A4."""
        pdf = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)
        return base64.b64decode(pdf["data"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)
