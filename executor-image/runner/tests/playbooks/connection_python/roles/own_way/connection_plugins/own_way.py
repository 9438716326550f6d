DOCUMENTATION = """
name: own_way
short_description: This machine, with a mark
description: Commands of this machine, which find a mark in their environment.
options:
  mark:
    description: What they find.
    default: none
    vars:
      - name: own_mark
  trouble:
    description: What goes wrong.
    default: nothing
    choices: [nothing, lost, broken]
    vars:
      - name: own_trouble
  address:
    description: Where the host is.
    vars:
      - name: ansible_host
  pipelining:
    description: Whether commands have input.
    type: boolean
    default: false
    vars:
      - name: own_pipelining
"""

import os
import shutil
import subprocess

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection import ConnectionBase


class Connection(ConnectionBase):
    transport = "own_way"
    has_pipelining = True

    def _connect(self):
        self._connected = True
        return self

    def exec_command(self, cmd, in_data=None, sudoable=True):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        if self.get_option("trouble") == "lost":
            raise AnsibleConnectionFailure("the way to %s is lost" % self._play_context.remote_addr)
        if self.get_option("trouble") == "broken":
            raise AnsibleError("the way is {{ broken }}")
        done = subprocess.run(
            ["/bin/sh", "-c", cmd],
            input=in_data,
            capture_output=True,
            env={**os.environ, "OWN_MARK": self.get_option("mark")},
        )
        return (done.returncode, done.stdout, done.stderr)

    def put_file(self, in_path, out_path):
        super().put_file(in_path, out_path)
        shutil.copyfile(in_path, out_path)

    def fetch_file(self, in_path, out_path):
        super().fetch_file(in_path, out_path)
        shutil.copyfile(in_path, out_path)

    def close(self):
        self._connected = False
