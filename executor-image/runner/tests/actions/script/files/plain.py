print("python", __import__("sys").argv[1:])
