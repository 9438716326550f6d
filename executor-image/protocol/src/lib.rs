//! What the playbook runner and the agent on a host say to each other: frames, messages, module specifications.
